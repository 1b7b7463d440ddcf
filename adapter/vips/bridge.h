/* What Go asks of libvips. Every call is complete: it takes the bytes, does its
 * work and keeps no pointer into them, so Go's memory is never held by C. */
#ifndef MERIDIAN_VIPS_BRIDGE_H
#define MERIDIAN_VIPS_BRIDGE_H

#include <stdlib.h>
#include <vips/vips.h>

typedef enum { MV_JPEG, MV_PNG, MV_WEBP, MV_GIF, MV_HEIF, MV_SVG } MvKind;

typedef enum { MV_OUT_AVIF, MV_OUT_WEBP, MV_OUT_JPEG, MV_OUT_PNG } MvOut;

/* A picture's header. width and height are as stored, before orientation. */
typedef struct {
	int width, height, frames, orientation, alpha;
} MvHeader;

/* How many entries the tables of MvLight have. */
#define MV_STEPS 65536

/* How the numbers of a picture without a profile stand for light (see light.go). */
typedef struct {
	const float *curve;
	double matrix[9];
	const float *ootf, *tone; /* NULL for none */
	double tone_top;          /* the light of tone's last entry; ootf's is 1 */
} MvLight;

/* How a picture is loaded: shrink for JPEG (1, 2, 4, 8), scale for WebP and SVG. */
typedef struct {
	MvKind kind;
	int shrink;
	double scale;
	VipsFailOn fail;
	const MvLight *light; /* NULL for sRGB; a profile goes before it */
	int *cancel; /* set to 1 by another thread to stop at the next row */
} MvLoad;

int mv_start(void);
char *mv_loaders(void);
void mv_tune(int concurrency, int cache);
int mv_header(void *buf, size_t len, MvKind kind, MvHeader *header);
int mv_check(void *buf, size_t len, MvLoad *load);
int mv_decode(void *buf, size_t len, MvLoad *load, int width, int height, VipsImage **out);
int mv_cover(VipsImage *in, int cover_width, int cover_height, int width, int height, VipsImage **out);
int mv_encode(VipsImage *in, MvOut format, int quality, int effort, void **buf, size_t *len);
void mv_cancel(int *cancel);

#endif
