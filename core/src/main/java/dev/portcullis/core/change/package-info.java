/** What modules say to each other while the table changes, as it travels: see docs/wire.md. */
@NullMarked
package dev.portcullis.core.change;

import org.jspecify.annotations.NullMarked;
