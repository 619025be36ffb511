/** Finds where a flow leaves, and asks the rules. */
@NullMarked
package dev.portcullis.worker.stage.acl;

import org.jspecify.annotations.NullMarked;
