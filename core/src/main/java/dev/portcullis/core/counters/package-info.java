/** Counters and drop reasons: one enum each, read at scrape. */
@NullMarked
package dev.portcullis.core.counters;

import org.jspecify.annotations.NullMarked;
