/** Passing algorithms that users write: expressions over header fields. */
@NullMarked
package dev.portcullis.core.policy.expression;

import org.jspecify.annotations.NullMarked;
