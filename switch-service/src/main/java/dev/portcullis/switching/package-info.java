/** The switch as a service: the only package of the module that knows Quarkus. */
@NullMarked
package dev.portcullis.switching;

import org.jspecify.annotations.NullMarked;
