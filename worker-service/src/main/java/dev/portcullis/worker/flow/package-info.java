/** State of flows: flat tables of flows, path records and translated ports. */
@NullMarked
package dev.portcullis.worker.flow;

import org.jspecify.annotations.NullMarked;
