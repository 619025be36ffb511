@NullMarked
package dev.portcullis.core.link;

import org.jspecify.annotations.NullMarked;
