/** ICMP errors about packets of known flows. */
@NullMarked
package dev.portcullis.worker.stage.related;

import org.jspecify.annotations.NullMarked;
