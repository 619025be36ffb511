/** Batches of packets as columns over one buffer. */
@NullMarked
package dev.portcullis.core.packet;

import org.jspecify.annotations.NullMarked;
