/**
 * What the stages of the pipeline share: the vector of packets that they work on, and where packets
 * leave.
 */
@NullMarked
package dev.portcullis.worker.stage;

import org.jspecify.annotations.NullMarked;
