/* What Go asks of libvips. Every call is complete: it takes the bytes, does its
 * work and keeps no pointer into them, so Go's memory is never held by C. */
#ifndef MERIDIAN_VIPS_BRIDGE_H
#define MERIDIAN_VIPS_BRIDGE_H

#include <stdlib.h>
#include <vips/vips.h>

#include "encode.h"
#include "planar.h"

typedef enum { MV_JPEG, MV_PNG, MV_WEBP, MV_GIF, MV_HEIF, MV_SVG } MvKind;

/* A picture's header. width and height are as stored, before orientation. */
typedef struct {
	int width, height, frames, orientation, alpha;
} MvHeader;

/* What a file says beside its pixels: colour profile, EXIF, XMP, IPTC. For g_free. */
#define MV_NOTES 4
typedef struct {
	void *data[MV_NOTES];
	size_t length[MV_NOTES];
} MvNotes;

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
	int frames; /* 1, or -1 for all of a WebP or GIF, one below the other */
	VipsFailOn fail;
	const MvLight *light; /* NULL for sRGB; a profile goes before it */
	int *cancel; /* set to 1 by another thread to stop at the next row */
} MvLoad;

int mv_start(void);
char *mv_loaders(void);
void mv_tune(int concurrency, int cache);

/* Gives back to the system what the C library keeps and nobody uses. */
void mv_trim(void);
void mv_cancel(int *cancel);
int mv_header(void *buf, size_t len, MvKind kind, MvHeader *header);
int mv_notes(void *buf, size_t len, MvKind kind, MvNotes *notes);
int mv_check(void *buf, size_t len, MvLoad *load);
int mv_decode(void *buf, size_t len, MvLoad *load, int width, int height, VipsImage **out);
int mv_from_planes(const MpPicture *in, VipsImage **out);
int mv_cut(VipsImage *in, const MpCut *cut, VipsImage **out);
int mv_turn(VipsImage *in, int quarters, VipsImage **out); /* clockwise */
int mv_on_white(VipsImage *in, VipsImage **out);
int mv_png(VipsImage *in, void **buf, size_t *len);
int mv_attention(VipsImage *in, int width, int height, int *x, int *y);
int mv_animate(void *buf, size_t len, MvLoad *load, const MpCut *cut, const MeHow *how, void **out, size_t *length);

/* Steps of these. */
int mv_load(void *buf, size_t len, MvLoad *load, VipsImage **out);
int mv_resize(VipsImage *scope, VipsImage *in, int width, int height, VipsImage **out);
int mv_to_srgb(VipsImage *scope, VipsImage *in, const MvLight *light, VipsImage **out);

#endif
