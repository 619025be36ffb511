/** The IO module as a service: the only package of the module that knows Quarkus. */
@NullMarked
package dev.portcullis.io;

import org.jspecify.annotations.NullMarked;
