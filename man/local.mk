# Manual pages. That of the configuration is made from its table.
dist_man_MANS += %D%/belfry.1
nodist_man_MANS = %D%/belfry.yaml.5
EXTRA_DIST += %D%/belfry.yaml.5.in
CLEANFILES += %D%/belfry.yaml.5

%D%/belfry.yaml.5: %D%/belfry.yaml.5.in lib/conf/document$(EXEEXT) Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && lib/conf/document$(EXEEXT) > $@.settings && \
	  sed -e '/^@SETTINGS[@]$$/{' -e 'r $@.settings' -e 'd' -e '}' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	    $(srcdir)/%D%/belfry.yaml.5.in > $@.new && rm -f $@.settings && mv $@.new $@
dist_man_MANS += %D%/belfry-fcgi.8
dist_man_MANS += %D%/belfry-historyd.8
dist_man_MANS += %D%/belfry-watchd.8
dist_man_MANS += %D%/belfry-pushd.8
