/* Pixels into files, by the encoders themselves: through libvips neither planes could
 * be handed over nor WebP be kept free of EXIF. */
#ifndef MERIDIAN_VIPS_ENCODE_H
#define MERIDIAN_VIPS_ENCODE_H

#include "planar.h"

/* A picture to write: planes, or else interleaved RGB (bands 3) or RGBA (4). */
typedef struct {
	const MpPicture *planar;
	const uint8_t *rgb;
	int width, height, bands;
} MePixels;

typedef struct {
	int quality;          /* 1 to 100 */
	int effort;           /* WebP: 0 to 6; AVIF: 0 to 9; JPEG: above 0 is progressive with its own Huffman tables */
	const uint8_t *exif;  /* a TIFF block to keep; NULL for none */
	size_t exif_length;
	int *cancel;          /* as MvLoad's */
} MeHow;

/* All give a buffer for g_free, or fail with -1 and a line in vips_error_buffer.
 * JPEG takes no alpha: it must be flattened. */
int me_jpeg(const MePixels *in, const MeHow *how, void **out, size_t *length);
int me_webp(const MePixels *in, const MeHow *how, void **out, size_t *length);
int me_avif(const MePixels *in, const MeHow *how, void **out, size_t *length);

#endif
