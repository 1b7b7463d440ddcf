/* Pictures as planes of Y'CbCr, the form that JPEG, WebP and AVIF all store: read
 * from a JPEG, scaled and written without ever becoming RGB. The numbers are those
 * of JFIF: full range, matrix of ITU-R BT.601. */
#ifndef MERIDIAN_VIPS_PLANAR_H
#define MERIDIAN_VIPS_PLANAR_H

#include <stddef.h>
#include <stdint.h>

/* One plane. The picture's own area begins at left, top and is wide × high, in
 * samples; it need not be whole ones, since a decoder that shrinks rounds up. */
typedef struct {
	uint8_t *data;
	int width, height, stride;
	double left, top, wide, high;
} MpPlane;

/* One plane for grey, else three. */
typedef struct {
	MpPlane plane[3];
	int planes;
} MpPicture;

/* What is cut: the picture is scaled to cover_width × cover_height, and width ×
 * height at x, y of that are kept. */
typedef struct {
	int cover_width, cover_height, x, y, width, height;
} MpCut;

enum { MP_OK = 0, MP_FAILED = -1, MP_UNSUITED = 1 };

/* Rows and columns that a plane has beyond its picture, copies of the last: JPEG is
 * written in blocks of 16 × 16. */
#define MP_BLOCK 16

void mp_free(MpPicture *p);

/* Reads a JPEG at 1/shrink (1, 2, 4, 8) and turns it upright. MP_UNSUITED means
 * that its colours are no Y'CbCr or grey. Errors are in vips_error_buffer. */
int mp_decode(const void *buf, size_t len, int shrink, int orientation, int *cancel, MpPicture *out);

/* Halves each side, by the mean of four. */
int mp_halve(const MpPicture *in, MpPicture *out);

/* Scales and crops. The colour planes come out at half the size, rounded up. */
int mp_cut(const MpPicture *in, const MpCut *cut, MpPicture *out);

/* Interleaved RGB, 8 bits, of the whole first plane's size. The colour planes must be
 * half of it, rounded up, as mp_cut leaves them. */
void mp_rgb(const MpPicture *in, uint8_t *rgb);

#endif
