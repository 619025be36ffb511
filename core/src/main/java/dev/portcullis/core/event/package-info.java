/** Events in Suricata's EVE format: one place that writes them, and where they go. */
@NullMarked
package dev.portcullis.core.event;

import org.jspecify.annotations.NullMarked;
