/** Tests of the chart, the images and the gateway on a cluster. */
@NullMarked
package dev.portcullis.e2e.kubernetes;

import org.jspecify.annotations.NullMarked;
