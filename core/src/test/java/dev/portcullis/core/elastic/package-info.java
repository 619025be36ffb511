@NullMarked
package dev.portcullis.core.elastic;

import org.jspecify.annotations.NullMarked;
