/** Decides the distribution table and tells it to all modules. */
@NullMarked
package dev.portcullis.switching.management;

import org.jspecify.annotations.NullMarked;
