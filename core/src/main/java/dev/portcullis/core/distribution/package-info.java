/** Which worker owns a packet: V, traffic classes and the distribution table. */
@NullMarked
package dev.portcullis.core.distribution;

import org.jspecify.annotations.NullMarked;
