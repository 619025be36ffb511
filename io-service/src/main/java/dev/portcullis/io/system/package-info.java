/**
 * System calls and what Linux lets a program set up with them, through the foreign function API.
 */
@NullMarked
package dev.portcullis.io.system;

import org.jspecify.annotations.NullMarked;
