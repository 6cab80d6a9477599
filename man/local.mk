# Manual pages. What comes from a table is made from it: the settings, and what belfry-pushd counts.
dist_man_MANS += %D%/belfry.1
nodist_man_MANS = %D%/belfry.yaml.5 %D%/belfry-pushd.8
EXTRA_DIST += %D%/belfry.yaml.5.in %D%/belfry-pushd.8.in %D%/figures.awk
CLEANFILES += %D%/belfry.yaml.5 %D%/belfry-pushd.8

%D%/belfry.yaml.5: %D%/belfry.yaml.5.in lib/conf/document$(EXEEXT) Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && lib/conf/document$(EXEEXT) > $@.settings && \
	  sed -e '/^@SETTINGS[@]$$/{' -e 'r $@.settings' -e 'd' -e '}' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	    $(srcdir)/%D%/belfry.yaml.5.in > $@.new && rm -f $@.settings && mv $@.new $@
dist_man_MANS += %D%/belfry-fcgi.8
dist_man_MANS += %D%/belfry-historyd.8
dist_man_MANS += %D%/belfry-watchd.8 %D%/belfry-runner.8

%D%/belfry-pushd.8: %D%/belfry-pushd.8.in %D%/figures.awk lib/model/push_figures.def Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(AWK) -f $(srcdir)/%D%/figures.awk $(srcdir)/lib/model/push_figures.def > $@.figures && \
	  sed -e '/^@FIGURES[@]$$/{' -e 'r $@.figures' -e 'd' -e '}' $(srcdir)/%D%/belfry-pushd.8.in > $@.new && \
	  rm -f $@.figures && mv $@.new $@
