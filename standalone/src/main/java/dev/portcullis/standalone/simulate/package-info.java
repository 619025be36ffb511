/**
 * The simulator: the state machines of {@code core.elastic} over a seeded clock, network and
 * schedule, with toy workers and a model gateway of one worker beside them that says what should
 * have happened. The same seed is the same run.
 */
@NullMarked
package dev.portcullis.standalone.simulate;

import org.jspecify.annotations.NullMarked;
