/** Puts datagrams together from their fragments. */
@NullMarked
package dev.portcullis.worker.stage.defragment;

import org.jspecify.annotations.NullMarked;
