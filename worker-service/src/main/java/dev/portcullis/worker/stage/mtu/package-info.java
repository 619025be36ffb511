/** Sees to it that packets fit the port that they leave by. */
@NullMarked
package dev.portcullis.worker.stage.mtu;

import org.jspecify.annotations.NullMarked;
