/** The command line. */
@NullMarked
package dev.portcullis.standalone.cli;

import org.jspecify.annotations.NullMarked;
