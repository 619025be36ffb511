@NullMarked
package dev.portcullis.core.change;

import org.jspecify.annotations.NullMarked;
