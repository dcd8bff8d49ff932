/*
 * The load that a browser's form or a script asks for, read and checked;
 * also the choice of classes and settings of modules for the next test.
 */
#ifndef WEB_LOAD_FORM_H
#define WEB_LOAD_FORM_H

#include <stddef.h>

#include "web/form.h"
#include "web/web.h"

struct load_form {
	struct web_load load;           /* points into the rest */
	struct form form;
	const char *classes[FORM_MAX_FIELDS + 1];
	struct web_pair settings[FORM_MAX_FIELDS + 1];
};

/*
 * Takes the form over, in any case.  What is absent keeps what is set; a name
 * with a dot in it is a setting, "module.name"; unknown names are left alone,
 * as Locust does.  NULL with what is wrong, and `field` (of `size` bytes, as
 * the error) with the name of the field.
 */
struct load_form *load_form_read(struct form *, char *field, char *error,
    size_t size);
void load_form_free(struct load_form *);

#endif
