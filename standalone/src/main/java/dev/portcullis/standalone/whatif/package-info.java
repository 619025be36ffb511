/** What another number of workers or another algorithm would do to the flows of a capture. */
@NullMarked
package dev.portcullis.standalone.whatif;

import org.jspecify.annotations.NullMarked;
