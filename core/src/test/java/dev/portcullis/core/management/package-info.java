/** The module's side of management. */
@NullMarked
package dev.portcullis.core.management;

import org.jspecify.annotations.NullMarked;
