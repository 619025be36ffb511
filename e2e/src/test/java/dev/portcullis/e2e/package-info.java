/** Tests of the gateway as a whole. */
@NullMarked
package dev.portcullis.e2e;

import org.jspecify.annotations.NullMarked;
