/** The worker as a service: the only package of the module that knows Quarkus. */
@NullMarked
package dev.portcullis.worker;

import org.jspecify.annotations.NullMarked;
