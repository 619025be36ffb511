/** The operator as a process: settings, health, metrics. */
@NullMarked
package dev.portcullis.operator;

import org.jspecify.annotations.NullMarked;
