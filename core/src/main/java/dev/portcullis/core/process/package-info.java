/**
 * A module as a process of its own: its arguments, settings, life and exit codes, without any
 * framework.
 */
@NullMarked
package dev.portcullis.core.process;

import org.jspecify.annotations.NullMarked;
