/** Plays captures through a gateway, losslessly and deterministically. */
@NullMarked
package dev.portcullis.standalone.replay;

import org.jspecify.annotations.NullMarked;
