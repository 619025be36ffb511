/** Counters, drop reasons and their reference pages. */
@NullMarked
package dev.portcullis.core.counters;

import org.jspecify.annotations.NullMarked;
