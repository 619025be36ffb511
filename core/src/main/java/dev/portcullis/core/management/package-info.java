/** How a module learns the distribution table and the policy from the switch module. */
@NullMarked
package dev.portcullis.core.management;

import org.jspecify.annotations.NullMarked;
