/** The logical interfaces of a gateway: which tag is which port of which IO module. */
@NullMarked
package dev.portcullis.core.topology;

import org.jspecify.annotations.NullMarked;
