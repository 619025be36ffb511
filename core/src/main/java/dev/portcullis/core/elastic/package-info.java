/**
 * How flows move when the table changes: the protocol of {@code docs/elasticity.md} as plain state
 * machines. Events and time go in, actions come out; no threads, clocks, randomness or I/O. The
 * services and the simulator run the same ones.
 */
@NullMarked
package dev.portcullis.core.elastic;

import org.jspecify.annotations.NullMarked;
