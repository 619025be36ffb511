/** The resources that people write. */
@NullMarked
package dev.portcullis.operator.resource;

import org.jspecify.annotations.NullMarked;
