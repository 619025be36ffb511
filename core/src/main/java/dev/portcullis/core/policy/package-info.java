/** The configuration model: the same documents for files and for Kubernetes. */
@NullMarked
package dev.portcullis.core.policy;

import org.jspecify.annotations.NullMarked;
