/* Whether an allocation failed since this was last set to 0. */
extern int memory_denied;
