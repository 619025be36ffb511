/** Properties of the distribution. */
@NullMarked
package dev.portcullis.core.distribution;

import org.jspecify.annotations.NullMarked;
