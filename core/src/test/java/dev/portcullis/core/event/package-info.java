/** Tests of events and of where they go. */
@NullMarked
package dev.portcullis.core.event;

import org.jspecify.annotations.NullMarked;
