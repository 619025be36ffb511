/** Protocols: offsets, checked parsing and rewriting; one file each. */
@NullMarked
package dev.portcullis.core.wire;

import org.jspecify.annotations.NullMarked;
