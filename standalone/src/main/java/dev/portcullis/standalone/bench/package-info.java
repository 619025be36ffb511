/**
 * The benchmark of {@code portcullis bench}: ratios of the gateway to the kernel of the same
 * machine, both measured in the same run. What is measured and how stands in {@code
 * docs/performance.md}.
 */
@NullMarked
package dev.portcullis.standalone.bench;

import org.jspecify.annotations.NullMarked;
