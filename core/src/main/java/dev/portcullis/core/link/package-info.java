/** Channels between modules and the gRPC streams that carry them. */
@NullMarked
package dev.portcullis.core.link;

import org.jspecify.annotations.NullMarked;
