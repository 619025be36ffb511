/** What a policy compiles to: built once per policy, looked up per flow. */
@NullMarked
package dev.portcullis.worker.policy;

import org.jspecify.annotations.NullMarked;
