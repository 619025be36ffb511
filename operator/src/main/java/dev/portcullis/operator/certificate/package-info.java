/** Certificates of the links, and the authority of a gateway. */
@NullMarked
package dev.portcullis.operator.certificate;

import org.jspecify.annotations.NullMarked;
