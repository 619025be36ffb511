/** From port to worker: classify, assign, tag. */
@NullMarked
package dev.portcullis.io.ingress;

import org.jspecify.annotations.NullMarked;
