/** The stages in order, and the shards that run them. */
@NullMarked
package dev.portcullis.worker.pipeline;

import org.jspecify.annotations.NullMarked;
