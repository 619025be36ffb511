/** What the gateway says itself: ICMP errors, resets, echo replies. */
@NullMarked
package dev.portcullis.worker.stage.answer;

import org.jspecify.annotations.NullMarked;
