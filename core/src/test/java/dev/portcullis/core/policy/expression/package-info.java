/** Tests of expressions. */
@NullMarked
package dev.portcullis.core.policy.expression;

import org.jspecify.annotations.NullMarked;
