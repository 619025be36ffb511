/** What a worker tells of flows and drops as events. */
@NullMarked
package dev.portcullis.worker.event;

import org.jspecify.annotations.NullMarked;
